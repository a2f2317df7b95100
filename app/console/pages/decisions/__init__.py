"""The decision on an approval, in the drawer."""
