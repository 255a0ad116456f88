"""The national portal's payment platform, version 1.0.6, as a server of the sandbox."""
