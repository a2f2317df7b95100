"""Who is signed in: sign-in at the issuer, cookies, the guard of requests, and REST as the signed-in person.

It may import the API; it does not know pages or templates.
"""
