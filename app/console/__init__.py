"""The console: pages for staff and operators, in a browser. It asks the REST API as whoever is signed in."""
