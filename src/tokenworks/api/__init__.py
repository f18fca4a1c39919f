"""The REST API of the control process: translate a request into an operation, call it, translate back."""
