"""The core: jobs, models, queues, batches and who runs them. No HTTP in it."""
