"""intake: the dossier's home, from the citizen's form to the returned result."""
