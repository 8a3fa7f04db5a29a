"""Pictures of what a unit of a layer answers to: averages of regions, segmentations, visualisations."""
