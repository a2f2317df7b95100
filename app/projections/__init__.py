"""From events to documents: read models, the engine that folds them, workers, rebuilds and jobs. Imports the
event store, privacy and aggregates."""
