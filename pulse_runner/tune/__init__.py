"""From what people said of incidents to settings: `propose` finds candidates, `trial` replays each, `patch` writes them."""
