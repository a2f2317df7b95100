"""From a stream entry to what it asks of which aggregate: the table of types, and a file a publisher."""
