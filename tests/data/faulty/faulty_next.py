raise AssertionError("a plugin for another harness is not imported")
