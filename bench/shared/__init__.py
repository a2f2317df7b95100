"""What several benches share: seeded loads, servers, figures and tables."""
