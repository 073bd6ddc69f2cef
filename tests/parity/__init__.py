"""The same requests to Multi Model Server 1.1.11 and to this server, and their answers compared.

`recorded/` holds what the real one answered; `make parity-record` asks it again, which needs Java.
"""
