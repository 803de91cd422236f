"""`pulse listen`: a small server by which another program, such as n8n, handles incidents or asks for a snapshot."""
