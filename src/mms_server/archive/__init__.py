"""Archives: where they are, how they are fetched, what may be in them, how they are made.

Of the rest of the server this room knows only `errors`. The server itself uses `acquisition`
alone: everything else here blocks, and runs in the helper process or in `model-archiver`.
"""
