NAME = "the helper of the folder"
