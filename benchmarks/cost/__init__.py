"""What it costs to run this server beside MMS, before anybody asks it anything."""
