"""The whole product as its users meet it: real processes, real engine, real SDKs."""
