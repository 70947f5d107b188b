raise SystemExit("I am a script")
