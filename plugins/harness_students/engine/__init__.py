"""What makes the trainings of a vision-language student cheaper than TRL's own, and equal to them."""
