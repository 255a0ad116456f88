"""The models' mistakes and the nine failures, put into the code one by one: for each there is a test on real servers that turns red."""
