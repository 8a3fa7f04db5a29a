"""Predictors of memorability that read pixels: those of the field, published or trained anew."""
