"""What service files of Multi Model Server 0.x derive from; new handlers need none of it.

Importing a module of this package needs nothing; making a service of MXNet's needs MXNet.
"""
