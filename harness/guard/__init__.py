"""What is wrong with a data set or gives its labels away, found before anybody trusts a number made from it."""
