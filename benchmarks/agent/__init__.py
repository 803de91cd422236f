"""How well an incident is explained: the rules alone, and any model beside them."""
