"""Pure: the states of a dossier and of a person, and what each message does to them."""
