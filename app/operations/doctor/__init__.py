"""What the roles need to run, checked a server at a time. May import what operations may."""
