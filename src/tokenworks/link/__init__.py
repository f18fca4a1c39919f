"""The private link of one host: gateway workers and their control process, over a unix socket."""
