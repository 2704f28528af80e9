print("loginward")
