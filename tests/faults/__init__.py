"""What the server must survive, done to a real process: kills, power cuts, failing disks, hostile peers.

Numbers are small by default; TOCSIN_SOAK=1 runs the same code with large ones. Every campaign has a control:
the same judgement with the protection taken away must find the damage.
"""
