"""What a learner looks at. Data in, pictures and words out; nothing here trains or simulates."""
