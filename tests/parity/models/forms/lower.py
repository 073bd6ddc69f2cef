NAME = "found in the model's folder"
