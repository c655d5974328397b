"""The agent beside a proxy of the mesh: its identity, its configuration's way, its names."""
