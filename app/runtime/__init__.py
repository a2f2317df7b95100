"""The base of every room: settings, observability, servers. Only bootstrap.py imports the other rooms."""
