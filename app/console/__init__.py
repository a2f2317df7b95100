"""The console: pages for staff and operators in a browser. It calls the REST API as the signed-in person.

It may import everything but the commands and the demo.
"""
