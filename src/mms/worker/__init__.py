"""The process that runs a model: started by the server with `python -m mms.worker`."""
