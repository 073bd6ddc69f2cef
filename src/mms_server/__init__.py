"""The front end: one process, one event loop; sockets, queues, batches and supervision."""
