"""The pages: a folder a page, its routes beside their templates. They may import ``session`` and ``ui``."""
