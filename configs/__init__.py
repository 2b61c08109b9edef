"""The settings: the active parameters, the profiles, the gates, the intents, and the schema they are read through."""
