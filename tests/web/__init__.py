"""The web app, as a browser and as a program meet it."""
