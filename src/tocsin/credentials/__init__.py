"""What people and programs show to prove who they are: passwords, keys, JWTs, tickets."""
