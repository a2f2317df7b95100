"""Money movements as stored commands: looked up, approved, refused, settled by hand."""
