"""Money movements in the drawer: form, summary and outcome."""
