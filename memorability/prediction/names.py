"""Names of what predicts memorability, and the tables of predictions call heads."""

HEADS = (
    "mlp", "ridge", "svr", "gru_pair", "gru_pair_of_pairs", "left_out", "category_mean",
    "subcategory_mean", "image_size", "labels_alone", "features_alone", "features_and_labels",
)  # fmt: skip
