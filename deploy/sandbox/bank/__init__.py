"""A bank: our account and its statement, an app where payers transfer, returns of credited money, signed notices."""
