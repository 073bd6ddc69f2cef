"""TLS for a listener: who the server is, in which contexts it says so, and the layer itself."""
