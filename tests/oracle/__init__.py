"""A second program for the contract: it keeps all reports of a thing, and derives the document from them.

It is written from the contract's two pages alone, and shares no code with `app`.
"""
