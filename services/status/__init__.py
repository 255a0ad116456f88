"""The projection of every dossier: who has it, since when, due when, and what happened so far."""
