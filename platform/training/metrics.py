"""What each metric of an epoch is, in words; those of a training method's steps stand in the method's file.

In a name ``N`` stands for a number and ``…`` for the name of a metric.
"""

from collections.abc import Mapping
from typing import Final

TRAINING: Final[Mapping[str, str]] = {
    "train/lr": "learning rate of the epoch's last step",
    "train/grad_norm": "norm of all networks' gradients together, before clipping: mean over the epoch's "
    "updates",
    "train/grad_norm_max": "the largest of these norms",
    "train/memorisation": "share of the images whose given label the networks predict, right or wrong",
    "train/drop_overlap": "of the images left out in this epoch or the one before, the share left out in "
    "both (Jaccard index); from the second epoch on",
    "train/prediction_entropy": "how evenly predictions spread over the classes, from 0 (one class for all "
    "images) to 1; of the network where it is smallest",
    "train/stage": "number of the stage, from 1; in trials with stages",
}
NOISE: Final[Mapping[str, str]] = {
    "noise/selection_precision": "of the images that were learnt, the share whose given label is the true "
    "one",
    "noise/selection_recall": "of the images whose given label is the true one, the share that was learnt",
    "noise/memorisation": "of the wrongly labelled images, the share whose given, wrong label the networks "
    "predict",
    "noise/corrected": "of the wrongly labelled images, the share whose true label the networks predict",
}
"""Where the true labels of all training images are known; no method and no search sees them."""
CLASSIFICATION: Final[Mapping[str, str]] = {
    "val/accuracy": "share of the validation images whose most probable class is their label; of several "
    "networks by their mean probabilities",
    "val/macro_accuracy": "mean of the classes' accuracies: rare classes count as much as frequent ones",
    "val/loss": "mean of -log of the label's probability, in nats; lower is better",
    "val/ece": "expected calibration error: how far probabilities are from the share that is right, over "
    "15 bins; lower is better",
    "val/many_shot": "mean of the accuracies of classes with more than data.many_shot training images",
    "val/medium_shot": "mean of the accuracies of classes between data.few_shot and data.many_shot "
    "training images",
    "val/few_shot": "mean of the accuracies of classes with fewer than data.few_shot training images",
    "val/clean_accuracy": "accuracy on the true labels, where they are known and data.val_label is given",
    "val/given_accuracy": "accuracy on the given labels, where data.val_label is clean",
    "val/accuracy_network_N": "accuracy of one network, of a method with several",
    "val/disagreement": "share of the validation images on which the networks predict different classes; 0 "
    "where they have become one",
}
RETRIEVAL: Final[Mapping[str, str]] = {
    "val/recall_at_1": "share of the queries whose most similar gallery image, by another camera, shows "
    "their identity",
    "val/rank_5": "share of the queries with such an image among the five most similar",
    "val/rank_10": "share of the queries with such an image among the ten most similar",
    "val/map": "mean over queries of the average precision, the area under the precision-recall curve by the "
    "trapezoidal rule",
    "val/unmatched_queries": "number of queries without an image of their identity by another camera; they "
    "are left out",
    "val/recall_at_1_network_N": "recall at 1 of one network, of a method with several",
    "val/map_network_N": "mean average precision of one network, of a method with several",
}
AVERAGED: Final[Mapping[str, str]] = {
    "val/raw_…": "the metric of the raw weights, where averaged ones are ranked (ema.ranked: ema)",
    "val/ema_…": "the metric of the averaged weights, where raw ones are ranked (ema.ranked: raw)",
}
TIME: Final[Mapping[str, str]] = {
    "time/epoch_s": "seconds of the epoch: training and evaluation",
    "time/images_per_s": "training images a second, while training",
}
