"""What every room stands on: settings, observability, servers. Only bootstrap.py imports the other rooms."""
