NAME = "the helper of the model"
