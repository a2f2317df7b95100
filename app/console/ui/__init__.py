"""How pages are made: the page context, templates, formats, navigation, assets. It may import ``session``."""
