"""From cells that wait for labels to files for people, and from what people said back to labels."""
